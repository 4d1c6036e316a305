// The page of the API's document: Swagger UI, from the server alone.
import 'swagger-ui-dist/swagger-ui.css'
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js'
import { apiUrl } from './api/url'

interface SessionAnswer {
  data?: { csrf_token?: string | null }
}

/** What a change by a session carries; nothing where nobody is signed in, or a key is given on this page. */
async function csrfToken(): Promise<string | null> {
  const response = await fetch(apiUrl('api/session'), { headers: { Accept: 'application/json' }, cache: 'no-store' })
  if (!response.ok) return null
  const answer = (await response.json()) as SessionAnswer
  return answer.data?.csrf_token ?? null
}

SwaggerUI({
  dom_id: '#docs',
  url: apiUrl('api/openapi.json'),
  // Nothing is asked of other servers.
  validatorUrl: null,
  deepLinking: true,
  docExpansion: 'list',
  filter: true,
  tryItOutEnabled: true,
  requestInterceptor: async (request) => {
    if (request.method === undefined || request.method === 'GET' || request.loadSpec === true) return request
    const token = await csrfToken()
    if (token !== null) request.headers['X-CSRF-Token'] = token
    return request
  },
})
